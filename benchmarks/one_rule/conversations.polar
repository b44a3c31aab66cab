# One rule, and no more: what other engines are given to decide in a comparison, spelled for this one.

role_may("conversation", "read",  ["guest", "agent", "supervisor", "admin", "owner"]);
role_may("conversation", "reply", [         "agent", "supervisor", "admin", "owner"]);

# Users work on the conversations of the organization they act for and of every organization below it.
allow(user: User, action, conversation: Conversation, "users-work-on-conversations-at-and-below-their-organization") if
  action in ["read", "reply"] and
  role_may("conversation", action, roles) and
  user.role_over(conversation.organization) in roles;
