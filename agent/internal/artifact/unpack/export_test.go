package unpack

// WithoutOpenat2 makes a target work as on a kernel without that call.
func (t *Target) WithoutOpenat2() { t.opener = opener{} }
