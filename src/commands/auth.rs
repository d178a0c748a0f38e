//! `cotag auth check`: do the credentials work, and if not, why.
