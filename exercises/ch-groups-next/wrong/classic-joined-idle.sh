# Nobody is busy when c comes, so nobody can be waited for.
. "$FOLDER/steps.sh"
make
answer classic yes
pair "$OLD" "$CLASSIC" 0
member "$OLD" "$CLASSIC" c
told "$CLASSIC" c assigned
end
