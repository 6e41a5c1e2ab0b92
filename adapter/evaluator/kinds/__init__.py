"""One module a kind of criterion: `bind_…(statement, …)` makes its evaluation, a pure function of chart and moment."""
