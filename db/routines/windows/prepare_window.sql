-- orchestrator.prepare_window() -> trigger
-- Checks a window that is written, and writes its days, zone and length as they are shown. Who is limited to namespaces has only
-- windows of those; one without a namespace is everybody's, and an admin's of everything.
CREATE OR REPLACE FUNCTION orchestrator.prepare_window() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_days CONSTANT text[] := '{Mon,Tue,Wed,Thu,Fri,Sat,Sun}';
    c_full CONSTANT text[] := '{Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday}';
    v_day text;
    v_other orchestrator.maintenance_windows;
    v_zone text;
    v_named text;
BEGIN
    PERFORM orchestrator.require_window(NEW.namespace);
    IF TG_OP = 'UPDATE' THEN
        PERFORM orchestrator.require_window(OLD.namespace);
    ELSE
        NEW.created_by := orchestrator.current_actor();
    END IF;
    IF NEW.name IS NULL OR NEW.name !~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$' THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" cannot name a window', NEW.name), 'name',
            'Use up to 40 small letters, digits and -, beginning and ending with a letter or digit.');
    ELSIF NEW.namespace !~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' THEN
        PERFORM orchestrator.refuse('SO422', format('"%s" is no namespace', NEW.namespace), 'namespace',
            'Use up to 63 small letters, digits and -; none at all (NULL) is every namespace.');
    ELSIF cardinality(coalesce(NEW.days, '{}')) = 0 THEN
        PERFORM orchestrator.refuse('SO422', 'a window on no day never opens', 'days', format('Name some of %s.', array_to_string(c_days, ', ')));
    END IF;
    FOREACH v_day IN ARRAY NEW.days LOOP
        IF v_day IS NULL OR initcap(v_day) <> ALL (c_days || c_full) THEN
            PERFORM orchestrator.refuse('SO422', format('"%s" is no day', v_day), 'days', format('Allowed: %s.', array_to_string(c_days, ', ')));
        END IF;
    END LOOP;
    NEW.days := ARRAY(SELECT d FROM unnest(c_days) WITH ORDINALITY a (d, n)
                       WHERE d IN (SELECT left(initcap(g), 3) FROM unnest(NEW.days) g) ORDER BY n);
    IF NEW.starts IS NULL OR NEW.starts >= '24:00' OR date_trunc('minute', NEW.starts::interval) <> NEW.starts::interval THEN
        PERFORM orchestrator.refuse('SO422', format('a window cannot start at %s', coalesce(NEW.starts::text, 'no time')), 'starts',
            'Use hours and minutes from 00:00 to 23:59.');
    END IF;
    -- As hours: a day of an interval would be as long as the clocks of the session's zone make it.
    NEW.lasts := make_interval(secs => extract(epoch FROM NEW.lasts)::double precision);
    IF NEW.lasts IS NULL OR NEW.lasts < '1 minute' OR NEW.lasts > '24 hours' OR date_trunc('minute', NEW.lasts) <> NEW.lasts THEN
        PERFORM orchestrator.refuse('SO422', format('a window cannot last %s', coalesce(nullif(NEW.lasts, '0')::text, 'no time')), 'lasts',
            'Use whole minutes, from 1 minute to 24 hours; with more days it opens more often.');
    END IF;
    SELECT z.name INTO v_zone FROM pg_timezone_names z WHERE lower(z.name) = lower(NEW.zone) ORDER BY z.name = NEW.zone DESC LIMIT 1;
    IF v_zone IS NULL OR v_zone ~ '^(posix|right)/' THEN
        PERFORM orchestrator.refuse('SO422', format('there is no time zone "%s"', NEW.zone), 'zone',
            coalesce(format('Did you mean %s? ', orchestrator.near_zones(NEW.zone)), '') || 'SELECT name FROM pg_timezone_names lists all.');
    END IF;
    NEW.zone := v_zone;
    -- Two writers of one name must not both find it free.
    PERFORM pg_advisory_xact_lock(hashtextextended('orchestrator.windows', 0));
    SELECT * INTO v_other FROM orchestrator.maintenance_windows w
     WHERE w.name = NEW.name AND w.id <> NEW.id AND (w.namespace = NEW.namespace OR w.namespace IS NULL OR NEW.namespace IS NULL) LIMIT 1;
    IF FOUND THEN
        PERFORM orchestrator.refuse('SO409', format('%s has a window "%s" already', coalesce('the namespace ' || v_other.namespace, 'every namespace'), NEW.name),
            'name', 'Choose another name: what a deployment calls a window must be one.');
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.name <> OLD.name OR NEW.namespace IS DISTINCT FROM OLD.namespace) THEN
        v_named := orchestrator.window_users(OLD, NEW.namespace IS DISTINCT FROM OLD.namespace);
        IF v_named IS NOT NULL AND NOT (NEW.name = OLD.name AND NEW.namespace IS NULL) THEN
            PERFORM orchestrator.refuse('SO409', format('the window %s is in use', OLD.name), CASE WHEN NEW.name <> OLD.name THEN 'name' ELSE 'namespace' END,
                format('First change what names it: %s.', v_named));
        END IF;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION orchestrator.prepare_window IS 'Checks a maintenance window.';
CREATE OR REPLACE TRIGGER prepare_window BEFORE INSERT OR UPDATE ON orchestrator.maintenance_windows
    FOR EACH ROW EXECUTE FUNCTION orchestrator.prepare_window();
