"""The boundary: everything that reads files, tables and texts of other people goes through here."""
