-- Which parameters can change a data claim, so that a change of others need not look for one. As compile_template finds them.
ALTER TABLE orchestrator.template_programs ADD COLUMN claim_parameters text[];
COMMENT ON COLUMN orchestrator.template_programs.claim_parameters IS 'The parameters that reach a persistent volume claim: its text, or whether it is there. NULL if a claim holds a digest, which any may change.';
-- What format() is given where a parameter was left out. As compile_template makes them.
ALTER TABLE orchestrator.template_programs ADD COLUMN arguments text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN orchestrator.template_programs.arguments IS 'The default of each parameter as JSON, then of each as the inside of a string; NULL where it has none.';
-- Every change of a deployment reads its program, and would otherwise fetch and unpack it from the toast table: its rows may fill a page.
ALTER TABLE orchestrator.template_programs SET (toast_tuple_target = 8160);
UPDATE orchestrator.template_programs p
   SET bodies = p.bodies || '{}', properties = p.properties || '{}',
       arguments = (
           SELECT array_agg(d::text ORDER BY o) || array_agg(CASE jsonb_typeof(d) WHEN 'string' THEN substr(d::text, 2, length(d::text) - 2) ELSE d::text END ORDER BY o)
             FROM (SELECT p.defaults -> n, o FROM unnest(p.parameter_names) WITH ORDINALITY t (n, o)) known (d, o)),
       claim_parameters = CASE WHEN NOT jsonb_path_exists(t.base_spec_json, '$[*] ? (@.kind == "PersistentVolumeClaim").**."$hash"') THEN ARRAY(
           SELECT b ->> 'parameter' FROM jsonb_array_elements(p.bindings) b
            WHERE t.base_spec_json -> (b -> 'path' ->> 0)::integer ->> 'kind' = 'PersistentVolumeClaim' AND b ->> 'parameter' NOT IN ('name', 'namespace', 'id')
           UNION SELECT m ->> '$when' FROM jsonb_array_elements(t.base_spec_json) m WHERE m ->> 'kind' = 'PersistentVolumeClaim' AND m ? '$when'
           ORDER BY 1) END
  FROM orchestrator.templates t
 WHERE t.id = p.template_id AND t.version = p.template_version;
-- Only the routines write here.
-- squawk-ignore ban-drop-default
ALTER TABLE orchestrator.template_programs ALTER COLUMN arguments DROP DEFAULT;
