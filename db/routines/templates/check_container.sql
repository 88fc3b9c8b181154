-- orchestrator.check_container(container, pod_security_context, at) -> void
-- The part of Pod Security "restricted" that is judged container by container.
CREATE OR REPLACE FUNCTION orchestrator.check_container(p_container jsonb, p_pod_context jsonb, p_at text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_context jsonb := coalesce(p_container -> 'securityContext', '{}');
    v_effective jsonb := p_pod_context || v_context;
    v_at text := p_at || '.securityContext';
BEGIN
    IF v_context -> 'privileged' = 'true' THEN
        PERFORM orchestrator.forbid(v_at || '.privileged', 'a privileged container owns the node');
    END IF;
    IF v_context -> 'allowPrivilegeEscalation' IS DISTINCT FROM 'false' THEN
        PERFORM orchestrator.forbid(v_at || '.allowPrivilegeEscalation', 'privilege escalation must be switched off');
    END IF;
    IF v_effective -> 'runAsNonRoot' IS DISTINCT FROM 'true' OR v_effective ->> 'runAsUser' = '0' THEN
        PERFORM orchestrator.forbid(v_at || '.runAsNonRoot', 'containers must run as another user than root');
    END IF;
    IF NOT coalesce(v_context -> 'capabilities' -> 'drop', '[]') ? 'ALL' THEN
        PERFORM orchestrator.forbid(v_at || '.capabilities.drop', 'all capabilities must be dropped');
    END IF;
    IF coalesce(v_context -> 'capabilities' -> 'add', '[]') - 'NET_BIND_SERVICE' <> '[]' THEN
        PERFORM orchestrator.forbid(v_at || '.capabilities.add', 'only NET_BIND_SERVICE may be added');
    END IF;
    IF coalesce(v_effective -> 'seccompProfile' ->> 'type', '') NOT IN ('RuntimeDefault', 'Localhost') THEN
        PERFORM orchestrator.forbid(v_at || '.seccompProfile', 'a seccomp profile is required');
    END IF;
    PERFORM orchestrator.check_confinement(v_context, v_at);
    IF jsonb_path_exists(p_container, '$.**.httpGet.host ? (@ != "")') OR jsonb_path_exists(p_container, '$.**.tcpSocket.host ? (@ != "")') THEN
        PERFORM orchestrator.forbid(p_at || '.host', 'a probe with a host of its own lets the node call others');
    END IF;
    IF coalesce(v_context ->> 'procMount', 'Default') <> 'Default' THEN
        PERFORM orchestrator.forbid(v_at || '.procMount', 'an unmasked /proc shows the node');
    END IF;
    IF EXISTS (SELECT FROM jsonb_array_elements(coalesce(p_container -> 'ports', '[]')) p WHERE p ? 'hostPort' AND p -> 'hostPort' <> '0') THEN
        PERFORM orchestrator.forbid(p_at || '.ports', 'hostPort binds the node''s own port');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.check_container IS 'Refuses one container outside Pod Security "restricted".';
