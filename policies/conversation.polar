# Conversations: who reads them, takes part in them, and hands them on.

# Users work on the conversations of the organization they act for and of every organization below it.
allow(user: User, action, conversation: Conversation, "users-work-on-conversations-at-and-below-their-organization") if
  action in ["read", "accept", "join", "reply", "notify", "close", "read_archive"] and
  role_may("conversation", action, roles) and
  user.role_over(conversation.organization) in roles;

# Users assign a conversation to an agent whom they stand over, and who stands over the conversation.
allow(user: User, "assign", conversation: Conversation, "users-assign-agents-whom-they-stand-over") if
  role_may("conversation", "assign", roles) and
  user.role_over(conversation.organization) in roles and
  user.role_over(request.agent.organization) in roles and
  conversation.organization.within(request.agent.organization);

# Users assign a conversation to an agent who is shared with their organization.
allow(user: User, "assign", conversation: Conversation, "users-assign-agents-shared-with-their-organization") if
  role_may("conversation", "assign", roles) and
  user.role_over(conversation.organization) in roles and
  request.agent.shared_with(user.organization) and
  conversation.organization.within(request.agent.organization);

# Users transfer a conversation between two organizations if their role covers both.
allow(user: User, "transfer", conversation: Conversation, "users-transfer-conversations-between-organizations-they-stand-over") if
  role_may("conversation", "transfer", roles) and
  user.role_over(conversation.organization) in roles and
  user.role_over(request.to) in roles;
