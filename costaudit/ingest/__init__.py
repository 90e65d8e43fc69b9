"""From files to calls: reading, formats, quarantine, identity."""
