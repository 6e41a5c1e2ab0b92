"""Trying again what may pass by itself: stamina's own, kept quiet.

Its hooks would write a line to stderr for every try, where a command says one clear line and a service writes its log.
"""

import stamina

stamina.instrumentation.set_on_retry_hooks([])

retry_context = stamina.retry_context
