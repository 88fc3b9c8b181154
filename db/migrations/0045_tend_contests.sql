-- It takes how many it sees to at once; beside the one that does not, a call without that number would mean either.

-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS orchestrator.tend_contests(text);
