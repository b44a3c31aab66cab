# A contact-centre tenant: its call flows, its subscriptions, and who is mapped to them.

# Users use and manage the call flows of the organization they act for and below, whoever pays for them (S2-04).
allow(user: User, action, call_flow: CallFlow, "users-work-with-call-flows-at-and-below-their-organization") if
  action in ["use", "manage"] and
  role_may("call_flow", action, roles) and
  user.role_over(call_flow.organization) in roles;

# Administrators map the users of an account to one of its subscriptions (S2-22, DC-21).
allow(user: User, "assign_subscription", other: User, "administrators-map-users-to-subscriptions-of-their-account") if
  role_may("user", "assign_subscription", roles) and
  user.role_over(request.subscription.organization) in roles and
  other.works_within(request.subscription.organization);

# Users see themselves.
allow(user: User, "view", other: User, "users-see-themselves") if
  user = other;

# Users see the people of the organization they act for and of every organization below it.
allow(user: User, "view", other: User, "users-see-the-people-at-and-below-their-organization") if
  role_may("user", "view", roles) and
  user.role in roles and
  other.works_within(user.organization);
