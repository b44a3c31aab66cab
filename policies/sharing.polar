# Downstream sharing: a parent's agents, channels and articles, for use in its sub-accounts.

# People of a sub-account use what is shared with it, and manage nothing of it.
allow(user: User, action, resource: Shareable, "sub-accounts-use-what-is-shared-with-them") if
  share_gives(resource.type, action, roles) and
  user.role in roles and
  resource.shared_with(user.organization);

# Administrators share, and take back, what lies in their organization or below it (DC-5).
allow(user: User, action, resource: Shareable, "administrators-share-what-lies-at-and-below-their-organization") if
  action in ["share", "unshare"] and
  role_may(resource.type, action, roles) and
  user.role_over(resource.organization) in roles;
