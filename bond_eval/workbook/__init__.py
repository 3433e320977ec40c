"""Runs the notebooks and publishes what they show. Knows every room but cli; only cli and audit stand beside it.

settings.RunSettings       what to run: data, authority, quarter, out, only, jobs, audience, seed, notebooks
run.run_workbook           one authority and quarter, to a folder that appears whole or not at all
parameters.declared        what a notebook says of itself: parameters, stage, what it must leave behind
reuse.Store                what an earlier run made, used again where nothing it is made of has changed
ledger.read_ledger         what happened in every run, as we saw it
locks.alone                one run at a time in one folder
reference.write_reference  the committed run of the sample quarter
collect.collect            findings of executed notebooks
publish.publish            pages and index of a run
manifest.manifest          what was run, from what, with which results
tidy.tidy                  an executed notebook without times, machine paths and (in public) tracebacks
progress.for_terminal      a progress bar on a terminal, plain lines elsewhere
"""
