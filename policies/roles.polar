# What each role may do, as a table: one line an action, one column a role.
#
# A role counts at the organization where it is held and in every organization below it (S1-22 to
# S1-25). The other files say under which conditions a line of this table is a permission. A bot
# counts as an agent. To let a role do more or less, write or delete its name in the line.

# organizations

role_may("organization", "view",               ["guest", "agent", "bot", "supervisor", "admin", "owner"]);
role_may("organization", "start_conversation", [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("organization", "use_agent_desktop",  [         "agent", "bot", "supervisor"                  ]);
role_may("organization", "manage_users",       [                         "supervisor", "admin", "owner"]);
role_may("organization", "view_report",        [                         "supervisor", "admin", "owner"]);
role_may("organization", "configure",          [                                       "admin", "owner"]);
role_may("organization", "appoint_administrator", [                                    "admin", "owner"]);
role_may("organization", "view_configuration", [                                       "admin", "owner"]);
role_may("organization", "create_sub_account", [                                       "admin", "owner"]);
role_may("organization", "suspend",            [                                       "admin", "owner"]);
role_may("organization", "resume",             [                                       "admin", "owner"]);
role_may("organization", "archive",            [                                       "admin", "owner"]);
role_may("organization", "use_control_hub",    [                                       "admin", "owner"]);
role_may("organization", "use_connect",        [                                       "admin", "owner"]);
role_may("organization", "use_engage",         [                                       "admin", "owner"]);
role_may("organization", "view_subscriptions", [                                       "admin", "owner"]);
role_may("organization", "add_subscription",   [                                       "admin", "owner"]);
role_may("organization", "manage_billing",     [                                       "admin", "owner"]);
role_may("organization", "book_support",       [                                       "admin", "owner"]);
role_may("organization", "grant_owner",        [                                                "owner"]);
role_may("organization", "sign_dpa",           [                                                "owner"]);

# people

role_may("user",         "view",               [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("user",         "assign_subscription",[                                       "admin", "owner"]);
role_may("partner",      "view",               [                                       "admin", "owner"]);
role_may("partner",      "grant_full_admin",   [                                       "admin", "owner"]);
role_may("partner",      "remove",             [                                       "admin", "owner"]);

# conversations

role_may("conversation", "read",               ["guest", "agent", "bot", "supervisor", "admin", "owner"]);
role_may("conversation", "accept",             [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("conversation", "join",               [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("conversation", "reply",              [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("conversation", "assign",             [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("conversation", "notify",             [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("conversation", "transfer",           [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("conversation", "close",              [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("conversation", "read_archive",       [                         "supervisor", "admin", "owner"]);

# what can be shared

role_may("channel",      "view",               [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("channel",      "use",                [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("channel",      "manage",             [                                       "admin", "owner"]);
role_may("channel",      "share",              [                                       "admin", "owner"]);
role_may("channel",      "unshare",            [                                       "admin", "owner"]);
role_may("agent",        "view",               [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("agent",        "assign_to",          [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("agent",        "share",              [                                       "admin", "owner"]);
role_may("agent",        "unshare",            [                                       "admin", "owner"]);
role_may("article",      "read",               [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("article",      "manage",             [                         "supervisor", "admin", "owner"]);
role_may("article",      "publish",            [                         "supervisor", "admin", "owner"]);
role_may("article",      "share",              [                                       "admin", "owner"]);
role_may("article",      "unshare",            [                                       "admin", "owner"]);

# what else an organization owns

role_may("form",         "view",               [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("form",         "manage",             [                                       "admin", "owner"]);
role_may("add_on",       "view",               [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("add_on",       "manage",             [                                       "admin", "owner"]);
role_may("integration",  "view",               [                         "supervisor", "admin", "owner"]);
role_may("integration",  "manage",             [                                       "admin", "owner"]);
role_may("routing",      "view",               [                         "supervisor", "admin", "owner"]);
role_may("routing",      "manage",             [                                       "admin", "owner"]);
role_may("invoice",      "view",               [                                       "admin", "owner"]);
role_may("call_flow",    "use",                [         "agent", "bot", "supervisor", "admin", "owner"]);
role_may("call_flow",    "manage",             [                                       "admin", "owner"]);

# What a share gives to the sub-account's own people: use, never management (DC-6).

share_gives("channel",   "view",               [         "agent", "bot", "supervisor", "admin", "owner"]);
share_gives("channel",   "use",                [         "agent", "bot", "supervisor", "admin", "owner"]);
share_gives("agent",     "view",               [         "agent", "bot", "supervisor", "admin", "owner"]);
share_gives("agent",     "assign_to",          [         "agent", "bot", "supervisor", "admin", "owner"]);
share_gives("article",   "read",               [         "agent", "bot", "supervisor", "admin", "owner"]);

# What only the people of a platform do, and with which role they hold there.

platform_may("move",             ["admin", "owner"]);
platform_may("issue_invoice",    ["admin", "owner"]);
platform_may("switch_telephony", ["admin", "owner"]);

# What a platform's people leave to the customer when they assist (DC-3).

owner_act("manage_billing");
owner_act("sign_dpa");
owner_act("grant_owner");
owner_act("archive");

# What only looks. A partner who may only read may do this much.

looks("view");
looks("read");
looks("read_archive");
looks("view_configuration");
looks("view_report");
looks("view_subscriptions");

# What stays open in a suspended organization besides looking (DC-10).

open_while_suspended("manage_billing");
open_while_suspended("switch_to");

# What lifts a suspension, for whoever stands above it and is not suspended himself.

lifts_suspension("resume");

# What a full administrator of a partner leaves to the tenant's own people: its affairs (S2-26, DC-3) ...

kept_from_partners("manage_billing");
kept_from_partners("archive");
kept_from_partners("suspend");
kept_from_partners("resume");
kept_from_partners("grant_full_admin");
kept_from_partners("appoint_administrator");
kept_from_partners("remove");

# ... and its conversations with customers.

kept_from_partners("start_conversation");
kept_from_partners("accept");
kept_from_partners("join");
kept_from_partners("reply");
kept_from_partners("assign");
kept_from_partners("notify");
kept_from_partners("transfer");
kept_from_partners("close");
kept_from_partners("use");
kept_from_partners("assign_to");
