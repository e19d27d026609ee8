<#
    Written by mimc from a spec. Change the spec, not this file.

    mimc compiles the same content to MOF by itself. To compile it on a Windows node instead, with the module
    installed there, run this file in Windows PowerShell 5.1: it asks for the credentials and writes the documents
    beside itself, encrypted for the certificates that lie there.
#>
[CmdletBinding()]
param
(
    # env:SVC_PASSWORD
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $aLogin,

    # env:SVC_PASSWORD
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $aLogins1,

    # env:OTHER_PASSWORD
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $aLogins2,

    # env:SVC_PASSWORD
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $aTreeLogin,

    # env:OTHER_PASSWORD
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $aRunAs,

    # env:SINGLE_PASSWORD
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $one_of_a_listLogins1,

    # env:RUN_PASSWORD
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $ARunAs_2,

    # env:E
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $Credential1___gr__erLogin,

    # env:F
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $Credential1___gr__erLogin_2,

    [System.String]
    $OutputPath = $PSScriptRoot
)

$configurationData = @{
    AllNodes = @(
        @{
            NodeName = 'node1'
            CertificateFile = Join-Path -Path $PSScriptRoot -ChildPath 'node1.cer'
            PSDscAllowDomainUser = $true
        }
    )
}

Configuration Golden
{
    Import-DscResource -ModuleName 'CimTypesDsc' -ModuleVersion '2.5.0.1'

    Node 'node1'
    {
        Nest 'a'
        {
            Id                   = 'a'
            Login                = $aLogin
            Logins               = @($aLogins1, $aLogins2)
            Tree                 = T_Branch {
                Login = $aTreeLogin
            }
            PsDscRunAsCredential = $aRunAs
        }
        Nest 'one of a list'
        {
            Id     = 'b'
            Logins = @($one_of_a_listLogins1)
        }
        Simple 'A'
        {
            Id                   = 'c'
            PsDscRunAsCredential = $ARunAs_2
        }
        Nest '1 & größer'
        {
            Id    = 'e'
            Login = $Credential1___gr__erLogin
        }
        Nest '1_&_gr__er'
        {
            Id    = 'f'
            Login = $Credential1___gr__erLogin_2
        }
    }
}

[DSCLocalConfigurationManager()]
Configuration GoldenLcm
{
}

Golden -ConfigurationData $configurationData -OutputPath $OutputPath
GoldenLcm -OutputPath $OutputPath
