# Channels: touchpoints and shared inboxes. What a share gives stands in sharing.polar.

# Users see, use and manage the channels of the organization they act for and of every organization below it.
allow(user: User, action, channel: Channel, "users-work-with-channels-at-and-below-their-organization") if
  action in ["view", "use", "manage"] and
  role_may("channel", action, roles) and
  user.role_over(channel.organization) in roles;
