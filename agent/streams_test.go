package main

import "testing"

// Pods without an init container go through the cases of the others.
func TestWithoutAnInitContainer(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"an output is the next step's input": TestAnOutputIsTheNextStepsInput,
		"nothing is pushed of a failure":     TestNothingIsPushedOfAFailure,
		"a killed oras is met again":         TestAKilledOrasIsMetAgain,
		"inputs of stock clients":            TestInputsOfStockClients,
		"inputs in their order":              TestInputsAreUnpackedInTheirOrder,
	} {
		t.Run(name, test)
	}
}
