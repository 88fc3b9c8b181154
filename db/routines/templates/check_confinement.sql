-- orchestrator.check_confinement(security_context, at) -> void
-- The part of Pod Security "restricted" that is judged alike for a pod and for each of its containers.
CREATE OR REPLACE FUNCTION orchestrator.check_confinement(p_context jsonb, p_at text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_selinux jsonb := coalesce(p_context -> 'seLinuxOptions', '{}');
BEGIN
    IF p_context ->> 'runAsUser' = '0' THEN
        PERFORM orchestrator.forbid(p_at || '.runAsUser', 'containers must run as another user than root');
    END IF;
    IF coalesce(p_context -> 'seccompProfile' ->> 'type', 'RuntimeDefault') NOT IN ('RuntimeDefault', 'Localhost') THEN
        PERFORM orchestrator.forbid(p_at || '.seccompProfile', 'a seccomp profile is required');
    END IF;
    IF coalesce(p_context -> 'appArmorProfile' ->> 'type', 'RuntimeDefault') NOT IN ('RuntimeDefault', 'Localhost') THEN
        PERFORM orchestrator.forbid(p_at || '.appArmorProfile', 'AppArmor may not be switched off');
    END IF;
    IF coalesce(v_selinux ->> 'user', '') <> '' OR coalesce(v_selinux ->> 'role', '') <> ''
       OR coalesce(v_selinux ->> 'type', '') NOT IN ('', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t') THEN
        PERFORM orchestrator.forbid(p_at || '.seLinuxOptions', 'another SELinux domain is less confined');
    END IF;
    IF p_context -> 'windowsOptions' -> 'hostProcess' = 'true' THEN
        PERFORM orchestrator.forbid(p_at || '.windowsOptions.hostProcess', 'a host process owns the node');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.check_confinement IS 'Refuses a security context outside Pod Security "restricted".';
