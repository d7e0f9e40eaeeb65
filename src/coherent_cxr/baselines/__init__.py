"""Systems that the report generator is compared with (Liu et al. 2019, section 4.3)."""
