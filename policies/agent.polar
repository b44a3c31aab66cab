# Agents: users who take conversations. What a share gives stands in sharing.polar.

# Users see and assign to the agents of the organization they act for and of every organization below it.
allow(user: User, action, agent: Agent, "users-work-with-agents-at-and-below-their-organization") if
  action in ["view", "assign_to"] and
  role_may("agent", action, roles) and
  user.role_over(agent.organization) in roles;
