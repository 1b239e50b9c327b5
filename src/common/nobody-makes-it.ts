/** As the operator says it of an input that is not there, and as others find it in what it says. */
export const nobodyMakesIt = "no step of this namespace makes it";
