# Whatever these rules match is denied, whoever allows it. They are read together, so they stand together.

# Archived users have no rights.
deny(user: User, _, _: Entity, "archived-users-have-no-rights") if
  user.archived;

# Users of an account that requires a subscription lose access without an active one (S2-20, S2-21, S2-24),
# after no days of grace (DC-18b).
deny(user: User, _, _: Entity, "users-need-an-active-subscription-of-their-account") if
  user.organization.subscription_required and
  not user.subscribed(0);

# A suspended organization and all below it are only looked at and paid for, except by the platform (DC-10).
deny(user: User, action, resource: Placed, "suspended-organizations-are-only-looked-at-and-paid-for") if
  resource.organization.standing = "suspended" and
  not user.organization.is_platform and
  not looks(action) and
  not open_while_suspended(action) and
  not lifts_suspension(action);

# Partners only look at a suspended organization.
deny(_: Partner, action, resource: Placed, "partners-only-look-at-suspended-organizations") if
  resource.organization.standing = "suspended" and
  not looks(action);

# Partners of a suspended tenant only look, wherever they turn.
deny(partner: Partner, action, _: Entity, "partners-of-suspended-tenants-only-look") if
  partner.organization.standing = "suspended" and
  not looks(action);

# Users who act for a suspended organization only look and pay, wherever they turn (DC-10).
deny(user: User, action, _: Entity, "users-of-suspended-organizations-only-look-and-pay") if
  user.organization.standing = "suspended" and
  not user.organization.is_platform and
  not looks(action) and
  not open_while_suspended(action);

# Only the platform acts in an organization that still waits for its owner.
deny(user: User, _, resource: Placed, "invited-organizations-wait-for-their-owner") if
  resource.organization.standing = "invited" and
  not user.organization.is_platform;

# And of the platform, only administrators do.
deny(user: User, _, resource: Placed, "only-administrators-act-in-invited-organizations") if
  resource.organization.standing = "invited" and
  not user.role in ["admin", "owner"];

# Only the platform acts in an archived organization.
deny(user: User, _, resource: Placed, "archived-organizations-are-closed") if
  resource.organization.standing = "archived" and
  not user.organization.is_platform;

# Nobody acts for an organization that is archived or still waits for its owner, except the platform.
deny(user: User, _, _: Entity, "nobody-acts-for-a-closed-organization") if
  user.organization.standing in ["archived", "invited"] and
  not user.organization.is_platform;

# Partners have no access to an organization that is archived or still waits for its owner.
deny(_: Partner, _, resource: Placed, "partners-have-no-access-to-closed-organizations") if
  resource.organization.standing in ["archived", "invited"];

# Partners do nothing for a tenant that is archived or still waits for its owner.
deny(partner: Partner, _, _: Entity, "partners-do-nothing-for-closed-tenants") if
  partner.organization.standing in ["archived", "invited"];

# People of a platform leave the acts of an owner to the customer (DC-3).
deny(user: User, action, organization: Organization, "platforms-leave-owner-acts-to-the-customer") if
  owner_act(action) and
  user.assists(organization);

# Partners leave the tenant's own affairs to the tenant.
deny(_: Partner, action, _: Placed, "partners-leave-the-tenants-own-affairs-to-the-tenant") if
  kept_from_partners(action);

# An organization at the last level has no sub-accounts (S1-33).
deny(_: Entity, "create_sub_account", organization: Organization, "the-last-level-has-no-sub-accounts") if
  organization.is_leaf;

# Nothing moves below an organization at the last level.
deny(_: Entity, "move", _: Organization, "nothing-moves-below-the-last-level") if
  request.to.is_leaf;

# Nothing moves into an organization that is archived.
deny(_: Entity, "move", _: Organization, "nothing-moves-into-archived-organizations") if
  request.to.standing = "archived";

# Nothing moves below itself.
deny(_: Entity, "move", organization: Organization, "nothing-moves-below-itself") if
  request.to.within(organization);

# Bills, subscriptions and the telephony option belong to the level-2 account (S1-10, S1-14, S1-18).
deny(_: Entity, action, organization: Organization, "billing-belongs-to-the-account") if
  action in ["issue_invoice", "manage_billing", "view_subscriptions", "add_subscription", "switch_telephony"] and
  not organization.is_account;

# An invoice belongs to a level-2 account.
deny(_: Entity, _, invoice: Invoice, "invoices-belong-to-accounts") if
  not invoice.organization.is_account;

# A report covers only what lies at or below its organization; one id outside spoils the whole request (DC-9b).
deny(_: Entity, "view_report", organization: Organization, "reports-cover-only-what-lies-below") if
  not request.filter.all_within(organization);

# No report spans two accounts, not even for the platform above them or their common owner (S1-39).
deny(_: Entity, "view_report", organization: Organization, "no-report-spans-two-accounts") if
  request.filter.all_within(organization) and
  not request.filter.in_one_account();

# Shares flow downwards only: to organizations below the one that owns the resource (S1-27).
deny(_: Entity, "share", resource: Shareable, "shares-only-flow-downwards") if
  not request.with.all_below(resource.organization);

# A conversation begins only on a channel that its organization can use (S1-30).
deny(_: Entity, "start_conversation", organization: Organization, "conversations-begin-on-channels-that-their-organization-can-use") if
  request.has("channel") and
  not request.channel.usable_in(organization);

# Nothing is sent through a channel that the conversation's organization can no longer use (DC-13).
deny(_: Entity, "reply", conversation: Conversation, "replies-go-through-channels-that-the-organization-can-use") if
  conversation.has("channel") and
  not conversation.channel.usable_in(conversation.organization);

# A conversation is not assigned to an archived user.
deny(_: Entity, "assign", _: Conversation, "nobody-assigns-to-archived-users") if
  request.agent.user.archived;

# A conversation of one account is not transferred to another account (DC-26).
deny(_: Entity, "transfer", conversation: Conversation, "conversations-stay-in-their-account") if
  conversation.organization.has("account") and
  not conversation.organization.shares_account_with(request.to);

# A conversation is transferred only to an organization that is open.
deny(_: Entity, "transfer", _: Conversation, "conversations-are-transferred-to-open-organizations") if
  request.to.standing != "active";

# Nobody is mapped to a subscription that has ended (DC-21b).
deny(_: Entity, "assign_subscription", _: User, "nobody-is-mapped-to-an-expired-subscription") if
  request.subscription.expired;

# A tenant never mixes concurrent and named subscriptions; those that have ended bind nobody (S2-18, S2-19, DC-17).
deny(_: Entity, "add_subscription", organization: Organization, "tenants-never-mix-subscription-types") if
  organization.bound_to_another_type(request.type);

# A subscription is either concurrent or named (S2-19).
deny(_: Entity, "add_subscription", _: Organization, "subscriptions-are-concurrent-or-named") if
  not request.type in ["concurrent", "named"];

# All subscriptions of a tenant use the telephony option that its first one chose, even if that one has ended (S2-31, S2-33).
deny(_: Entity, "add_subscription", organization: Organization, "tenants-keep-their-first-telephony-option") if
  request.has("telephony") and
  organization.has("telephony") and
  request.telephony != organization.telephony;
