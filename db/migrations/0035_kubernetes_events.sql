-- Of Kubernetes' own events only the latest warning of each object was kept. Now a short list: of pods all there are.
-- A column of its own, so that a pod's status does not write them again, nor they the status.
ALTER TABLE orchestrator.deployment_observed ADD COLUMN events_json jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN orchestrator.deployment_observed.events_json IS 'Kubernetes'' own events of the last hour by "Kind/name", newest first: of pods all, of the rest warnings.';
-- list_objects answers them, and record_kubernetes_events takes the place of the other.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.list_objects(uuid);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.record_warnings(text, jsonb);
