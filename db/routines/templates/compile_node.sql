-- orchestrator.compile_node(node, path, names, identities) -> body, bindings
-- Turns a piece of a manifest into JSON text with format() placeholders, and lists which parameter fills which path.
-- Arguments of format(): each name as JSON, each name as the inside of a string, then a digest of each manifest before.
CREATE OR REPLACE FUNCTION orchestrator.compile_node(
    p_node jsonb, p_path text[], p_names text[], p_identities text[], OUT body text, OUT bindings jsonb
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_key text;
    v_value jsonb;
    v_index integer;
    v_child record;
    v_parts text[] := '{}';
    v_at text := 'base_spec_json.' || array_to_string(p_path, '.');
BEGIN
    bindings := '[]';
    CASE jsonb_typeof(p_node)
    WHEN 'string' THEN
        SELECT * INTO v_child FROM orchestrator.compile_text(p_node #>> '{}', p_path, p_names);
        body := '"' || v_child.body || '"';
        bindings := v_child.bindings;
    WHEN 'array' THEN
        FOR v_value, v_index IN SELECT e, o - 1 FROM jsonb_array_elements(p_node) WITH ORDINALITY t (e, o) LOOP
            SELECT * INTO v_child FROM orchestrator.compile_node(v_value, p_path || v_index::text, p_names, p_identities);
            v_parts := v_parts || v_child.body;
            bindings := bindings || v_child.bindings;
        END LOOP;
        body := '[' || array_to_string(v_parts, ',') || ']';
    WHEN 'object' THEN
        SELECT k INTO v_key FROM jsonb_object_keys(p_node) k WHERE k LIKE '$%' LIMIT 1;
        IF v_key IS NOT NULL AND (v_key NOT IN ('$param', '$hash', '$generate')
                                  OR (SELECT count(*) FROM jsonb_object_keys(p_node)) > 1) THEN
            PERFORM orchestrator.refuse('SO422', format('%s is not understood here', v_key), v_at,
                'A value is {"$param": name}, {"$hash": "Kind/name"} or {"$generate": "password"}; $when stands at the top of a manifest.');
        ELSIF v_key = '$param' THEN
            v_index := array_position(p_names, p_node ->> v_key);
            IF v_index IS NULL THEN
                PERFORM orchestrator.refuse('SO422', format('$param names no parameter: %s', p_node -> v_key), v_at,
                    'Known: ' || array_to_string(p_names, ', ') || '.');
            END IF;
            body := format('%%%s$s', v_index);
            bindings := jsonb_build_array(jsonb_build_object('path', to_jsonb(p_path), 'parameter', p_node -> v_key, 'mode', 'value'));
        ELSIF v_key = '$hash' THEN
            v_index := array_position(p_identities, p_node ->> v_key);
            IF v_index IS NULL THEN
                PERFORM orchestrator.refuse('SO422', format('$hash refers to no manifest before this one: %s', p_node -> v_key), v_at,
                    'Known here: ' || coalesce(nullif(array_to_string(p_identities, ', '), ''), 'none') || '.');
            END IF;
            body := format('"%%%s$s"', 2 * cardinality(p_names) + v_index);
        ELSIF v_key = '$generate' THEN
            IF p_node ->> v_key IS DISTINCT FROM 'password' OR p_path[2] IS DISTINCT FROM 'stringData' THEN
                PERFORM orchestrator.refuse('SO422', '$generate makes passwords in the stringData of a Secret', v_at,
                    'Write {"$generate": "password"} below stringData.');
            END IF;
            body := p_node::text;
        ELSE
            -- To Kubernetes a null, or labels of which there are none, say nothing; to us it would be a field that we set and cannot hold.
            FOR v_key, v_value IN SELECT key, value FROM jsonb_each(p_node)
                WHERE value <> 'null' AND NOT (value = '{}' AND key IN ('labels', 'annotations')) LOOP
                SELECT * INTO v_child FROM orchestrator.compile_node(v_value, p_path || v_key, p_names, p_identities);
                v_parts := v_parts || (replace(to_json(v_key)::text, '%', '%%') || ':' || v_child.body);
                bindings := bindings || v_child.bindings;
            END LOOP;
            body := '{' || array_to_string(v_parts, ',') || '}';
        END IF;
    ELSE
        body := p_node::text;
    END CASE;
END
$$;
COMMENT ON FUNCTION orchestrator.compile_node IS 'Compiles one piece of a template''s manifest.';
