# hook.sh OBJECT FILE
echo "$1" > "$2"
