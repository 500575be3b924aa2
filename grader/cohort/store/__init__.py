"""The gradebook: tables, connection, migrations, and the chain of events."""
