// Package nearest finds the name that may be meant by one that is not there.
package nearest

// IsNear says whether a name at that distance from the wanted one may be meant.
func IsNear(wanted string, distance int) bool { return distance <= max(1, len(wanted)/3) }

// Distance counts the bytes to insert, delete or replace (Levenshtein). It takes time with the product of the lengths.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
