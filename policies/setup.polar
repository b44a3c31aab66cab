# What an organization is set up with: integrations, routing, forms and add-ons. None of it is shared.

# Users see and manage the integrations of the organization they act for and of every organization below it.
allow(user: User, action, integration: Integration, "users-work-with-integrations-at-and-below-their-organization") if
  action in ["view", "manage"] and
  role_may("integration", action, roles) and
  user.role_over(integration.organization) in roles;

# Users see and manage the routing of the organization they act for and of every organization below it.
allow(user: User, action, routing: Routing, "users-work-with-routing-at-and-below-their-organization") if
  action in ["view", "manage"] and
  role_may("routing", action, roles) and
  user.role_over(routing.organization) in roles;

# Users see and manage the forms of the organization they act for and of every organization below it.
allow(user: User, action, form: Form, "users-work-with-forms-at-and-below-their-organization") if
  action in ["view", "manage"] and
  role_may("form", action, roles) and
  user.role_over(form.organization) in roles;

# Users see and manage the add-ons of the organization they act for and of every organization below it (DC-12).
allow(user: User, action, add_on: AddOn, "users-work-with-add-ons-at-and-below-their-organization") if
  action in ["view", "manage"] and
  role_may("add_on", action, roles) and
  user.role_over(add_on.organization) in roles;
