param([string] $Thumbprint, [string] $ModuleName, [string] $ModuleVersion)

function Get-CertificateFact {
    param([string] $Thumbprint)
    $answer = [ordered]@{ present = $false; privateKey = $false; expires = '' }
    $store = New-Object System.Security.Cryptography.X509Certificates.X509Store('My', 'LocalMachine')
    $store.Open('ReadOnly')
    foreach ($certificate in $store.Certificates) {
        if ($certificate.Thumbprint -ne $Thumbprint) { continue }
        $answer['present'] = $true
        $answer['privateKey'] = [bool] $certificate.HasPrivateKey
        $answer['expires'] = $certificate.NotAfter.ToUniversalTime().ToString('o')
    }
    $store.Close()
    $answer
}

$identity = [System.Security.Principal.WindowsIdentity]::GetCurrent()
$principal = New-Object System.Security.Principal.WindowsPrincipal($identity)
# To anybody else the LCM would answer with an error that says less.
if (-not $principal.IsInRole([System.Security.Principal.WindowsBuiltInRole]::Administrator)) {
    return Get-Refusal 'NotAdministrator' 'the session''s account is not an administrator there; only one may use the LCM'
}
$answer = [ordered]@{
    version = 1
    node = [ordered]@{ computerName = [string] $env:COMPUTERNAME; powershell = $PSVersionTable.PSVersion.ToString() }
    certificate = Get-CertificateFact -Thumbprint $Thumbprint
    lcm = Get-Lcm
    documents = Get-Document
    module = [ordered]@{ sha256 = Get-ModuleSha256 -Folder (Get-ModuleFolder -Name $ModuleName -Version $ModuleVersion) }
}
ConvertTo-Json -InputObject $answer -Depth 6 -Compress
