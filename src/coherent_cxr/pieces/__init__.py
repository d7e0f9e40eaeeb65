"""Tables in pieces, so that memory stays bounded and every core or machine has work."""
