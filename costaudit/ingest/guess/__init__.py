"""What the keys of an unknown log may be, by their names and values, told with the reasons.

`costaudit.ingest.guess.files` looks at files, `decide` at the columns of their records; what comes of it is a
`Guess` (`result`): a mapping as in settings, what was left out, and why.
"""
