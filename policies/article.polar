# Articles: know-how and wiki. What a share gives stands in sharing.polar.

# Users read, manage and publish the articles of the organization they act for and of every organization below it.
allow(user: User, action, article: Article, "users-work-with-articles-at-and-below-their-organization") if
  action in ["read", "manage", "publish"] and
  role_may("article", action, roles) and
  user.role_over(article.organization) in roles;
