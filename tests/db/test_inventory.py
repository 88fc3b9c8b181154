"""The inventory is written with every apply and every look, so what that costs is kept down."""

from tests.db.stage import Stage

# What a worker writes with each apply, and a watcher with each look.
ALWAYS_CHANGING = {
    "applied_fields",
    "applied_fields_hash",
    "applied_generation",
    "applied_resource_version",
    "fields_hash",
    "health",
    "last_seen_at",
    "message",
    "reason",
    "rendered_hash",
    "resource_version",
}


def test_no_index_of_the_inventory_depends_on_what_every_write_changes(bare_stage: Stage) -> None:
    """In its columns or its condition: one that does makes each update write every index of the table."""
    indexed = bare_stage.rows(
        """SELECT DISTINCT a.attname AS name
             FROM pg_index i
             JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refobjid = i.indrelid
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = d.refobjsubid
            WHERE i.indrelid = 'deployment_resources'::regclass"""
    )
    names = {row["name"] for row in indexed}
    assert "differs" in names
    assert names & ALWAYS_CHANGING == set()
