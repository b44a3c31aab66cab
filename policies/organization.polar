# Organizations: who sees them, runs them, changes the tree, and moves between them.

# Users see and run the organization they act for and every organization below it, as far as their role goes.
allow(user: User, action, organization: Organization, "users-run-organizations-at-and-below-their-own") if
  action in [
    "view", "configure", "view_configuration", "create_sub_account", "manage_users", "appoint_administrator",
    "grant_owner", "sign_dpa", "start_conversation", "view_report", "manage_billing", "book_support", "use_agent_desktop", "use_control_hub",
    "use_connect", "use_engage", "view_subscriptions", "add_subscription"
  ] and
  role_may("organization", action, roles) and
  user.role_over(organization) in roles;

# Administrators suspend and resume organizations that lie below their own, never their own.
allow(user: User, action, organization: Organization, "administrators-suspend-and-resume-what-lies-below-them") if
  action in ["suspend", "resume"] and
  role_may("organization", action, roles) and
  user.role_over(organization) in roles and
  organization.below(user.organization);

# Administrators archive organizations that lie below their own.
allow(user: User, "archive", organization: Organization, "administrators-archive-what-lies-below-them") if
  role_may("organization", "archive", roles) and
  user.role_over(organization) in roles and
  organization.below(user.organization);

# Owners archive the account that they own.
allow(user: User, "archive", organization: Organization, "owners-archive-their-own-account") if
  organization.is_account and
  user.organization = organization and
  user.role = "owner";

# Administrators of a platform move organizations from one of its accounts to another.
allow(user: User, "move", organization: Organization, "platform-administrators-move-organizations") if
  platform_may("move", roles) and
  user.assists(organization) and
  user.role in roles and
  request.to.within(user.organization);

# Administrators of a platform issue the invoices of its accounts.
allow(user: User, "issue_invoice", organization: Organization, "platform-administrators-issue-invoices") if
  platform_may("issue_invoice", roles) and
  user.assists(organization) and
  user.role in roles;

# Administrators of a platform switch the telephony option of a tenant when asked for support.
allow(user: User, "switch_telephony", organization: Organization, "platform-administrators-switch-telephony") if
  platform_may("switch_telephony", roles) and
  user.assists(organization) and
  user.role in roles;

# Users switch to any organization of which they are members.
allow(user: User, "switch_to", organization: Organization, "users-switch-to-organizations-of-which-they-are-members") if
  organization.has_member(user);
