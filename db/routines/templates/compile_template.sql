-- orchestrator.compile_template(base_spec, schema) -> a template_programs row without its key
-- Checks a template whole and compiles it once, so that rendering a deployment is one format() a manifest.
CREATE OR REPLACE FUNCTION orchestrator.compile_template(p_base_spec jsonb, p_schema jsonb)
RETURNS orchestrator.template_programs
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_program orchestrator.template_programs;
    v_manifest jsonb;
    v_number integer;
    v_identities text[] := '{}';
    v_compiled record;
    v_binding jsonb;
BEGIN
    PERFORM orchestrator.check_schema(p_schema);
    IF jsonb_typeof(p_base_spec) IS DISTINCT FROM 'array' OR jsonb_array_length(p_base_spec) NOT BETWEEN 1 AND 50 THEN
        PERFORM orchestrator.refuse('SO422', 'a template is a list of 1 to 50 manifests', 'base_spec_json', 'Write [{"apiVersion": …, "kind": …}, …].');
    END IF;
    v_program.properties := coalesce(p_schema -> 'properties', '{}');
    v_program.required := ARRAY(SELECT jsonb_array_elements_text(coalesce(p_schema -> 'required', '[]')));
    v_program.parameter_names := ARRAY(SELECT k FROM jsonb_object_keys(v_program.properties) k ORDER BY k) || ARRAY['name', 'namespace', 'id'];
    v_program.defaults := coalesce((SELECT jsonb_object_agg(key, value -> 'default') FROM jsonb_each(v_program.properties)
                                    WHERE value ? 'default'), '{}');
    v_program.arguments := (
        SELECT array_agg(d::text ORDER BY o) || array_agg(CASE jsonb_typeof(d) WHEN 'string' THEN substr(d::text, 2, length(d::text) - 2) ELSE d::text END ORDER BY o)
          FROM (SELECT v_program.defaults -> n, o FROM unnest(v_program.parameter_names) WITH ORDINALITY t (n, o)) known (d, o));
    v_program.bodies := '{}';
    v_program.conditions := '{}';
    v_program.bindings := '[]';
    FOR v_manifest, v_number IN SELECT e, o - 1 FROM jsonb_array_elements(p_base_spec) WITH ORDINALITY t (e, o) LOOP
        PERFORM orchestrator.check_manifest(jsonb_strip_nulls(v_manifest), v_number, v_program.properties);
        SELECT * INTO v_compiled FROM orchestrator.compile_node(
            v_manifest - '$when', ARRAY[v_number::text], v_program.parameter_names, v_identities);
        v_program.bodies := v_program.bodies || v_compiled.body;
        v_program.conditions := v_program.conditions || (v_manifest ->> '$when');
        IF format('%s/%s', v_manifest ->> 'kind', v_manifest -> 'metadata' ->> 'name') = ANY (v_identities) THEN
            PERFORM orchestrator.refuse('SO422', format('%s %s stands twice in the template', v_manifest ->> 'kind', v_manifest -> 'metadata' ->> 'name'),
                format('base_spec_json.%s.metadata.name', v_number), 'Give each object of a kind a name of its own.');
        END IF;
        v_identities := v_identities || format('%s/%s', v_manifest ->> 'kind', v_manifest -> 'metadata' ->> 'name');
        FOR v_binding IN SELECT jsonb_array_elements(v_compiled.bindings) LOOP
            v_program.bindings := v_program.bindings || jsonb_build_array(v_binding);
        END LOOP;
    END LOOP;
    v_program.guarded := EXISTS (
        SELECT FROM jsonb_array_elements(v_program.bindings) b
        WHERE b ->> 'parameter' NOT IN ('name', 'namespace', 'id')
          AND b -> 'path' ?| ARRAY['securityContext', 'volumes', 'hostNetwork', 'hostPID', 'hostIPC', 'hostPort', 'hostUsers',
                                   'serviceAccountName', 'serviceAccount', 'kind', 'apiVersion', 'procMount', 'sysctls', 'type', 'externalIPs', 'httpGet', 'tcpSocket']);
    -- A digest changes with all that its manifest is made from: then nothing is known, and every change is checked.
    v_program.claim_parameters := CASE WHEN NOT jsonb_path_exists(p_base_spec, '$[*] ? (@.kind == "PersistentVolumeClaim").**."$hash"') THEN ARRAY(
        SELECT b ->> 'parameter' FROM jsonb_array_elements(v_program.bindings) b
         WHERE p_base_spec -> (b -> 'path' ->> 0)::integer ->> 'kind' = 'PersistentVolumeClaim' AND b ->> 'parameter' NOT IN ('name', 'namespace', 'id')
        UNION SELECT m ->> '$when' FROM jsonb_array_elements(p_base_spec) m WHERE m ->> 'kind' = 'PersistentVolumeClaim' AND m ? '$when'
        ORDER BY 1) END;
    RETURN v_program;
END
$$;
COMMENT ON FUNCTION orchestrator.compile_template IS 'Checks and compiles a template.';
