module oras-operator.local/images/shell-less

go 1.21
