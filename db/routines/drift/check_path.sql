-- orchestrator.check_path(pattern, at) -> void
-- Refuses a pattern of paths that no path of ours could fit.
CREATE OR REPLACE FUNCTION orchestrator.check_path(p_pattern text, p_at text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_longest CONSTANT integer := 500;
    -- A field, or any one; in brackets: any item, an item by its keys, or a key that a dot cannot stand before.
    c_field CONSTANT text := '([A-Za-z0-9_-]+|\*)';
    c_bracket CONSTANT text := '\[(\*|[A-Za-z]+=(\*|[^]=,*[]+)(,[A-Za-z]+=(\*|[^]=,*[]+))*|[^]=*"[]*[^]=*"0-9[][^]=*"[]*|"[^]"[]+")\]';
BEGIN
    IF length(p_pattern) > c_longest OR p_pattern !~ ('^' || c_field || '(\.' || c_field || '|' || c_bracket || ')*$') THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" is no path', left(p_pattern, 100)), p_at,
            'Write it as the drift view does: spec.replicas, spec.template.spec.containers[name=minecraft].image, metadata.labels[example.com/team]. '
            '* stands for one whole step; list items go by their keys, not by number.');
    ELSIF (orchestrator.path_steps(p_pattern))[1] IN ('status', 'kind', 'apiVersion') OR orchestrator.path_steps(p_pattern) IN ('{metadata,name}', '{metadata,namespace}') THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" is not among what is applied', p_pattern), p_at,
            'Rules are about what a template asks for: spec, data, or labels and annotations below metadata.');
    END IF;
END
$$;
COMMENT ON FUNCTION orchestrator.check_path IS 'Refuses a pattern that no path could fit.';
