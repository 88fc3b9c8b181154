-- orchestrator.check_cluster() -> trigger
-- Refuses thresholds of contested paths that would make a fight endless, or silent.
CREATE OR REPLACE FUNCTION orchestrator.check_cluster() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rule record;
BEGIN
    FOR v_rule IN
        SELECT * FROM (VALUES ('contested_after', NEW.contested_after, 2, 100),
                              ('contested_within_seconds', NEW.contested_within_seconds, 10, 86400),
                              ('contested_wait_seconds', NEW.contested_wait_seconds, 1, 86400),
                              ('contested_longest_wait_seconds', NEW.contested_longest_wait_seconds, NEW.contested_wait_seconds, 86400)) r (name, value, least, most)
    LOOP
        IF v_rule.value IS NULL OR v_rule.value NOT BETWEEN v_rule.least AND v_rule.most THEN
            PERFORM orchestrator.refuse('SO422', format('%s cannot be %s', v_rule.name, coalesce(v_rule.value::text, 'NULL')), v_rule.name,
                format('Set it to between %s and %s%s.', v_rule.least, v_rule.most,
                       CASE v_rule.name WHEN 'contested_longest_wait_seconds' THEN '; it is no less than contested_wait_seconds' ELSE '' END));
        END IF;
    END LOOP;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION orchestrator.check_cluster IS 'Refuses thresholds that make no sense.';
CREATE OR REPLACE TRIGGER check_cluster
    BEFORE INSERT OR UPDATE OF contested_after, contested_within_seconds, contested_wait_seconds, contested_longest_wait_seconds ON orchestrator.clusters
    FOR EACH ROW EXECUTE FUNCTION orchestrator.check_cluster();
