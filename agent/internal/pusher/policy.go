package pusher

import "slices"

// RestartPolicy is the restartPolicy of a container, or that of its Pod where it has none.
type RestartPolicy string

// The values of the API.
const (
	Never     RestartPolicy = "Never"
	OnFailure RestartPolicy = "OnFailure"
	Always    RestartPolicy = "Always"
)

// Killed is the exit code of a container whose processes were killed: out of memory, by the node, by somebody.
const Killed = 137

// Rule is one of a container's restartPolicyRules (KEP-5307, KEP-5532).
type Rule struct {
	// Codes are the exit codes that it is for, or with Except those that it is not for.
	Codes  []int `json:"codes"`
	Except bool  `json:"except,omitempty"`
	// All restarts every container of the Pod, not this one alone.
	All bool `json:"all,omitempty"`
}

// Policy says what the kubelet does when a wrapped container has ended.
type Policy struct {
	Restart RestartPolicy `json:"restart"`
	Rules   []Rule        `json:"rules,omitempty"`
}

// next is what the kubelet does after an exit code.
type next int

const (
	ends next = iota
	restarts
	restartsAll
)

// after evaluates the rules before the policy, the first that fits, as the kubelet does.
func (p Policy) after(code int) next {
	for _, rule := range p.Rules {
		if slices.Contains(rule.Codes, code) == rule.Except {
			continue
		}
		if rule.All {
			return restartsAll
		}
		return restarts
	}
	if p.Restart == Always || p.Restart == OnFailure && code != 0 {
		return restarts
	}
	return ends
}
