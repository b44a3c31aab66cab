# Partners of a tenant: the first administers it, a second one only reads (S2-25, S2-26).

# Partners read what an administrator of the tenant reads.
allow(partner: Partner, action, resource: Placed, "partners-read-what-administrators-of-the-tenant-read") if
  looks(action) and
  role_may(resource.type, action, roles) and
  "admin" in roles and
  resource.organization.within(partner.organization);

# Partners with full administrator access act as administrators of the tenant.
allow(partner: Partner, action, resource: Placed, "full-administrators-of-partners-act-as-administrators") if
  partner.role = "full_admin" and
  role_may(resource.type, action, roles) and
  "admin" in roles and
  resource.organization.within(partner.organization);

# Partners with full administrator access map users to subscriptions, which is the rescue from a lock-out (DC-21).
allow(partner: Partner, "assign_subscription", user: User, "full-administrators-of-partners-map-users-to-subscriptions") if
  partner.role = "full_admin" and
  request.subscription.organization.within(partner.organization) and
  user.works_within(request.subscription.organization);

# Partners see the people of the tenant.
allow(partner: Partner, "view", user: User, "partners-see-the-people-of-the-tenant") if
  user.works_within(partner.organization);

# Administrators of the tenant see its partners.
allow(user: User, "view", partner: Partner, "administrators-see-the-partners-of-their-tenant") if
  role_may("partner", "view", roles) and
  user.role_over(partner.organization) in roles;

# Administrators of the tenant itself, and nobody else, elevate and remove its partners (S2-26).
allow(user: User, action, partner: Partner, "administrators-of-the-tenant-elevate-and-remove-its-partners") if
  action in ["grant_full_admin", "remove"] and
  role_may("partner", action, roles) and
  user.role in roles and
  user.organization = partner.organization;
