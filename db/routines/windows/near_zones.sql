-- orchestrator.near_zones(zone) -> text
-- The time zones whose names are most like one that is none, for the hint that refuses it: those that share most runs of three letters.
CREATE OR REPLACE FUNCTION orchestrator.near_zones(p_zone text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH asked AS (
        SELECT DISTINCT substr(lower(left(p_zone, 60)), n, 3) AS run FROM generate_series(1, greatest(length(left(p_zone, 60)) - 2, 1)) n
    ), near AS (
        SELECT z.name, 2.0 * count(*) / (length(z.name) - 2 + (SELECT count(*) FROM asked)) AS likeness
          FROM pg_timezone_names z JOIN asked a ON strpos(lower(z.name), a.run) > 0
         WHERE z.name ~ '^[A-Z][A-Za-z_]+/' GROUP BY z.name ORDER BY likeness DESC, z.name LIMIT 3
    )
    SELECT string_agg(n.name, ', ' ORDER BY n.likeness DESC, n.name) FROM near n
$$;
COMMENT ON FUNCTION orchestrator.near_zones IS 'Time zones that are called much like this.';
