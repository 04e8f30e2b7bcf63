// Package archtest guards the shape of the project. It holds no product code:
// its tests read every Go file, for every operating system, and check
//
//   - which of our packages may import which (table.go, edges);
//   - which package may use which third-party module (table.go, modules);
//   - that plugin packages start no goroutines themselves;
//   - that unsafe stays in one file;
//   - that every package has exactly one package comment.
//
// A new edge is a change to a table here, to be reviewed as such.
package archtest
