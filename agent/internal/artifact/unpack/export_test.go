package unpack

// WithoutOpenat2 makes a target work as on a kernel without that call.
func (t *Target) WithoutOpenat2() { t.opener = opener{} }

// Stays is what decides on links.
var Stays = stays

// Clean is what decides on names.
var Clean = clean
