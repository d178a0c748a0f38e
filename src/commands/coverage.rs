//! `cotag coverage`: the ledger of windows, as a table or for programs.
