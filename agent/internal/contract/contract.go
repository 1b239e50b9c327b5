// Package contract holds what the operator and the agent must agree on.
package contract

// Exit codes of the documented table.
const (
	InputNotFound       = 181
	Denied              = 182
	RegistryUnavailable = 183
	InputInvalid        = 184
	SetupFailed         = 185
	UnpackFailed        = 186
	CheckFailed         = 187
	PusherMissing       = 188
	OutputFailed        = 189
	PushFailed          = 190
)
