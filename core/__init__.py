"""What every room stands on: settings, database, the outbox, blobs, clock, errors, logging. Imports none of the rooms."""
