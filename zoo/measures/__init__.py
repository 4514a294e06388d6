"""What stages keep, lose and pay: one measure a module, each a pure function of aligned items."""
