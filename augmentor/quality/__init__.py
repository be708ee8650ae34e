"""How good the synthetic samples are: the judge, the filters, fidelity, diversity, copies, memorisation."""
