-- orchestrator.at_wall_clock(local, zone) -> timestamptz
-- When the clocks of a zone show a time, by the rule of RFC 5545 (3.3.5): of two such moments the first, and for a time that is
-- skipped the one that would have been, had the clocks not been set. AT TIME ZONE alone takes the second of two.
CREATE OR REPLACE FUNCTION orchestrator.at_wall_clock(p_local timestamp, p_zone text) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN early AT TIME ZONE p_zone = p_local THEN least(early, late) ELSE late END
      FROM (SELECT p_local AT TIME ZONE p_zone) a (late)
     -- By the offset of the day before: the one that held until the clocks were set, if they were.
     CROSS JOIN LATERAL (SELECT late - interval '24 hours') b (before)
     CROSS JOIN LATERAL (SELECT p_local AT TIME ZONE 'UTC' - (before AT TIME ZONE p_zone - before AT TIME ZONE 'UTC')) c (early)
$$;
COMMENT ON FUNCTION orchestrator.at_wall_clock IS 'The moment at which the clocks of a zone show a time, the first if there are two.';
GRANT EXECUTE ON FUNCTION orchestrator.at_wall_clock TO orchestrator_viewer;
