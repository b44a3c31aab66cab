# What the caller owes when a request is allowed.

# People of a platform leave a trace wherever they assist (S1-25, DC-3).
obligation(user: User, _, resource: Placed, "audit") if
  user.assists(resource.organization);
