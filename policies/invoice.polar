# Invoices: one for each level-2 account and period (S1-10, S1-14, S1-18, S1-37).

# Administrators and owners see the invoices of their account (DC-1).
allow(user: User, "view", invoice: Invoice, "administrators-see-the-invoices-of-their-account") if
  role_may("invoice", "view", roles) and
  user.role_over(invoice.organization) in roles;
