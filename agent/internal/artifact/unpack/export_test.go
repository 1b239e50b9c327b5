package unpack

// WithoutOpenat2 makes a target work as on a kernel without that call.
func (t *Target) WithoutOpenat2() { t.opener = opener{} }

// Remember makes a target remember no more than so many directories and hard links.
func (t *Target) Remember(most int) { t.mostRemembered = most }
