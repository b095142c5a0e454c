# Parts of the solution, and of what is done wrong.
show() {  # show SECONDS NAME...: let the broker begin with such a certificate, and wait for it
  "$PYTHON" "$FOLDER/certify.py" "$AUTHORITY" "$@" | on "$BROKER_1" sudo bash -c '
    file=/etc/kafka/broker.pem
    cat >$file
    systemctl restart kafka
    wanted=$(openssl x509 -noout -fingerprint -in $file)
    for try in $(seq 60); do
      shown=$(openssl s_client -connect "$(hostname -f):9192" </dev/null 2>/dev/null |
        openssl x509 -noout -fingerprint 2>/dev/null)
      [ "$shown" = "$wanted" ] && exit 0
      sleep 0.5
    done
    echo "the broker does not show it" >&2
    exit 1'
}
names=(localhost 127.0.0.1 "$BROKER_1" "${BOOTSTRAP%%:*}")
day=$((86400 + 600))
